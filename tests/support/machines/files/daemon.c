/* A daemon for the tests of scripts/node: nvidia-persistenced or nv-fabricmanager, by its name.
 *
 * It writes its arguments, its open files and its process id to the folder $LOG. nvidia-persistenced continues in the background,
 * as the real one. The file $LOG/fail makes the fabric manager end at once; the file $LOG/stubborn makes it ignore TERM. */
#include <dirent.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *name;

static FILE *open_log(const char *suffix) {
	char path[4096];
	snprintf(path, sizeof path, "%s/%s%s", getenv("LOG"), name, suffix);
	return fopen(path, "w");
}

static int has_file(const char *file) {
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", getenv("LOG"), file);
	return access(path, F_OK) == 0;
}

static void end(int number) {
	_exit(number == SIGALRM);
}

static void write_descriptors(void) {
	FILE *log = open_log(".descriptors");
	DIR *folder = opendir("/proc/self/fd");
	for (struct dirent *entry; (entry = readdir(folder));) {
		char path[4096] = "", link[300];
		snprintf(link, sizeof link, "/proc/self/fd/%s", entry->d_name);
		if (readlink(link, path, sizeof path - 1) > 0) fprintf(log, "%s\n", path);
	}
	closedir(folder);
	fclose(log);
}

int main(int count, char **words) {
	int persistence;
	FILE *log;
	name = basename(words[0]);
	persistence = strcmp(name, "nvidia-persistenced") == 0;
	log = open_log("");
	for (int i = 1; i < count; i++) fprintf(log, "%s ", words[i]);
	fprintf(log, "%s\n", getenv("LD_LIBRARY_PATH"));
	fclose(log);
	if (persistence && fork()) return 0;
	if (!persistence) {
		puts("fabric manager at work");
		fflush(stdout);
	}
	if (has_file("fail")) return 1;
	write_descriptors();
	signal(SIGTERM, has_file("stubborn") ? SIG_IGN : end);
	signal(SIGALRM, end);
	alarm(120);
	log = open_log(".pid");
	fprintf(log, "%d\n", getpid());
	fclose(log);
	for (;;) pause();
}
