"""Real stores and clusters for tests: an S3 server and dask, as processes of their own on this machine."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from tempfile import TemporaryFile
from threading import Timer
from urllib.request import urlopen

from tests.batches import environment, words

ACCOUNT = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "wordofthetester", "AWS_DEFAULT_REGION": "us-east-1"}
PATIENCE = 90  # seconds for a command


def free_port():
    """A port that nobody listens to."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def running(*arguments, env=None, cwd=None):
    """A server, as long as the block runs."""
    server = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=env,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield server
    finally:
        server.kill()
        server.wait()


@contextmanager
def s3_server():
    """The variables by which a process finds the server and may use it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with running("-m", "moto.server", "-H", "127.0.0.1", "-p", port):
        wait_for(lambda: urlopen(f"{address}/moto-api/", timeout=1).close() or True)
        yield {**ACCOUNT, "AWS_ENDPOINT_URL": address}


def wait_for(condition, seconds=60):
    """What a condition gives, as soon as it holds; it may raise OSError until then."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := condition():
                return found
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"not so within {seconds} seconds")


class Bucket:
    """A bucket, by a client that is not ours."""

    def __init__(self, variables, name):
        """Make it."""
        import boto3

        self.name = name
        self.client = boto3.client(
            "s3",
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            region_name=variables["AWS_DEFAULT_REGION"],
        )
        self.client.create_bucket(Bucket=name)

    def put(self, contents):
        """Make these objects: key -> bytes."""
        for key, content in contents.items():
            self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def contents(self):
        """Key -> bytes of everything in it."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return {key: self.client.get_object(Bucket=self.name, Key=key)["Body"].read() for key in keys}

    def empty(self):
        """Remove everything."""
        for key in self.contents():
            self.client.delete_object(Bucket=self.name, Key=key)


@contextmanager
def begun(*arguments, cwd, **variables):
    """A command of poolcli that runs, with --json on its stdout."""
    with TemporaryFile("w+") as said:
        process = subprocess.Popen(
            words(*arguments, "--json"),
            cwd=cwd,
            env=environment(**variables),
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=os.name != "nt",
        )
        process.said = said
        impatience = Timer(PATIENCE, process.kill)
        impatience.start()
        try:
            yield process
        finally:
            impatience.cancel()
            process.kill()
            process.wait()
            process.stdout.close()


def finish(process, before=()):
    """Its records, those read `before` too, what it said on stderr, and its exit code."""
    records = [*before, *map(json.loads, process.stdout)]
    code = process.wait()
    process.said.seek(0)
    return records, process.said.read(), code


def workers_of(process):
    """The worker processes that a command has started."""
    import psutil

    for child in psutil.Process(process.pid).children(recursive=True):
        if any("spawn_main" in word for word in child.cmdline()):
            yield child
