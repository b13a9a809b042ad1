"""Serves Keystone's WSGI application on loopback: `keystone_wsgi.py PORT`, configured by OS_KEYSTONE_CONFIG_DIR."""

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server


class ThreadingServer(ThreadingMixIn, WSGIServer):
    """A thread a request."""

    daemon_threads = True


if __name__ == "__main__":
    port = int(sys.argv.pop())
    # It reads the command line when it is imported.
    from keystone.wsgi.api import application

    make_server("127.0.0.1", port, application, server_class=ThreadingServer).serve_forever()
