/*
 * Makes gcc's cc1 a fork server: a compiler process that has read headers, and forks for each source that reads them first.
 * fork-cc1 preloads this library and describes the servers.
 *
 * When the compiler opens a file named `.fork-server-<n>`, it stops and reads requests from $FORK_SERVER_FOLDER/<n>/requests, a FIFO.
 * For each request it forks, and the new process reads another text in that file's place.
 *
 * A request is a line of words:
 *
 *   TEXT MESSAGES OUTPUT DEPENDENCIES REPLY REQUESTS
 *
 * TEXT           the file that the new process reads
 * MESSAGES       the file for its messages
 * OUTPUT         the file for its output, in place of $FORK_SERVER_FOLDER/output
 * DEPENDENCIES   the file for its dependencies (-MMD), in place of $FORK_SERVER_FOLDER/dependencies
 * REPLY          a FIFO for the line `ready PROCESS` when it has become a server itself, and for its exit code when it has ended
 * REQUESTS       the number of requests that it serves as a server
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVER ".fork-server-"

enum { TEXT, MESSAGES, OUTPUT, DEPENDENCIES, REPLY, REQUESTS, WORDS };
enum { FAILURE = 125 };

/* The request that this process was forked for. */
static char *request[WORDS];
/* The descriptor of the compiler's output. */
static int output = -1;

static int (*open_file)(const char *, int, ...);
static FILE *(*open_stream)(const char *, const char *);

__attribute__((constructor)) static void find_functions(void)
{
    open_file = dlsym(RTLD_NEXT, "open");
    open_stream = dlsym(RTLD_NEXT, "fopen");
    request[REPLY] = getenv("FORK_SERVER_REPLY");
    request[REQUESTS] = getenv("FORK_SERVER_REQUESTS");
}

static char *path_of(const char *name)
{
    char *path;

    if (asprintf(&path, "%s/%s", getenv("FORK_SERVER_FOLDER"), name) < 0)
        _exit(FAILURE);
    return path;
}

/* Sends a line with a number, unless nobody waits for it. */
static void reply(const char *format, int number)
{
    int file = open_file(request[REPLY], O_RDWR);

    if (file >= 0) {
        dprintf(file, format, number);
        close(file);
    }
}

static void read_request(FILE *requests)
{
    char *line = NULL, *rest;
    size_t size = 0;

    if (getline(&line, &size, requests) < 0)
        _exit(FAILURE);
    for (int i = 0; i < WORDS; i++) {
        request[i] = strtok_r(i ? NULL : line, " \n", &rest);
        if (!request[i])
            _exit(FAILURE);
    }
}

/* Replaces the file behind a descriptor that nothing has been written to. */
static void replace(int descriptor, const char *path)
{
    int file = open_file(path, O_WRONLY | O_CREAT | O_APPEND, 0666);

    if (file < 0 || dup2(file, descriptor) < 0)
        _exit(FAILURE);
    close(file);
}

/* Returns the descriptor of the output. The compiler has opened it, but writes only at the end. */
static int find_output(void)
{
    struct stat opened, file;
    int descriptor = STDERR_FILENO;

    if (stat(path_of("output"), &opened) < 0 || opened.st_size)
        _exit(FAILURE);
    do
        if (++descriptor == sysconf(_SC_OPEN_MAX))
            _exit(FAILURE);
    while (fstat(descriptor, &file) < 0 || file.st_dev != opened.st_dev || file.st_ino != opened.st_ino);
    return descriptor;
}

/* Waits for the process that serves the request, and sends its exit code. */
static void report(pid_t process)
{
    int status;

    if (waitpid(process, &status, 0) < 0)
        _exit(FAILURE);
    reply("%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : FAILURE);
    _exit(0);
}

/* Forks for a request: one process waits, and the other one returns with a descriptor of the request's text. */
static int start(FILE *requests)
{
    pid_t process;

    signal(SIGCHLD, SIG_DFL);
    process = fork();
    if (process)
        report(process);
    fclose(requests);
    replace(STDERR_FILENO, request[MESSAGES]);
    replace(output, request[OUTPUT]);
    return open_file(request[TEXT], O_RDONLY);
}

/* Serves requests. Returns only in forked processes, with a descriptor of the request's text. */
static int serve(const char *number)
{
    char *folder = path_of(number), *path;
    FILE *requests;

    if (output < 0)
        output = find_output();
    if (asprintf(&path, "%s/requests", folder) < 0 || !(requests = open_stream(path, "r+")))
        _exit(FAILURE);
    setvbuf(requests, NULL, _IONBF, 0);
    signal(SIGCHLD, SIG_IGN);
    reply("ready %d\n", getpid());
    for (int left = atoi(request[REQUESTS]); left; left--) {
        read_request(requests);
        if (!fork())
            return start(requests);
    }
    /* A server that has ended looks killed to those who wait for its forks. */
    while (wait(NULL) > 0)
        ;
    _exit(0);
}

int open(const char *path, int flags, ...)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    va_list arguments;
    mode_t mode;

    if (!strncmp(name, SERVER, strlen(SERVER)))
        return serve(name + strlen(SERVER));
    va_start(arguments, flags);
    mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_file(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    if (request[DEPENDENCIES] && !strcmp(path, path_of("dependencies")))
        path = request[DEPENDENCIES];
    return open_stream(path, mode);
}
