"""Runs Python programs, each in a fork of this process, which has torch imported: that takes seconds.

python_server.py SOCKET. A client sends its standard streams and {"script", "args", "cwd"}; it is sent the exit status.
"""
import contextlib
import importlib
import json
import os
import signal
import socket
import sys
import traceback
import types

for name in ("numpy", "torch", "torchvision", "PIL.Image", "safetensors.torch"):
    with contextlib.suppress(ImportError):  # Then the programs that need it say so.
        importlib.import_module(name)

SECONDS = 300  # A program that hangs must not outlive the tests.


def run(script, args, cwd):
    """Runs a script as `python -c` does."""
    os.chdir(cwd)
    sys.argv = ["-c", *args]
    main = types.ModuleType("__main__")
    main.__builtins__ = __builtins__
    sys.modules["__main__"] = main
    try:
        exec(compile(script, "<string>", "exec"), main.__dict__)
        return 0
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1


def serve(connection):
    """In a fork: becomes the program of a client, and tells it how it ended."""
    message, descriptors, _, _ = socket.recv_fds(connection, 65536, 3)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    length = int.from_bytes(message[:8], "big")
    text = message[8:]
    while len(text) < length:
        text += connection.recv(65536)
    job = json.loads(text)
    signal.alarm(SECONDS)
    program = os.fork()
    if program == 0:
        connection.close()
        status = run(job["script"], job["args"], job["cwd"])
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    _, status = os.waitpid(program, 0)
    connection.sendall(bytes([os.waitstatus_to_exitcode(status) & 255]))


def main():
    parent = os.getppid()
    listener = socket.socket(socket.AF_UNIX)
    # Bound under its name only when it can answer.
    listener.bind(sys.argv[1] + ".new")
    listener.listen()
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    listener.settimeout(1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while os.getppid() == parent:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            connection.settimeout(None)
            serve(connection)
            os._exit(0)
        connection.close()


main()
