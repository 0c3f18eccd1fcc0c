"""Runs a program on python_server.py, as if it was this one: python_client.py SOCKET SCRIPT ARG…"""
import json
import os
import socket
import sys
import time

SECONDS = 120  # The server imports torch meanwhile.

path, script, *args = sys.argv[1:]
end = time.monotonic() + SECONDS
connection = socket.socket(socket.AF_UNIX)
while True:
    try:
        connection.connect(path)
        break
    except (FileNotFoundError, ConnectionRefusedError):
        if time.monotonic() > end:
            sys.exit("The Python of the tests does not answer")
        time.sleep(0.02)
text = json.dumps({"script": script, "args": args, "cwd": os.getcwd()}).encode()
socket.send_fds(connection, [len(text).to_bytes(8, "big")], [0, 1, 2])
connection.sendall(text)
status = connection.recv(1)
sys.exit(status[0] if status else "The Python of the tests has ended")
