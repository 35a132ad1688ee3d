"""What TensorBoard shows of a folder of logs, asked of the server that its dashboard asks."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tensorboard.context import RequestContext
from tensorboard.data.provider import RunTagFilter
from tensorboard.data.server_ingester import ExistingServerDataIngester, get_server_binary
from tensorboard.util.grpc_util import ChannelCredsType

Points = list[tuple[int, float]]


@contextmanager
def server(folder: Path) -> Iterator[Any]:
    """Start the server on a folder of logs, and yield what the dashboard asks for data once it has read them."""
    with TemporaryDirectory() as place:
        port = Path(place, "port")
        options = ["--reload=once", "--samples-per-plugin=images=all", "--port=0", f"--port-file={port}"]
        command = [get_server_binary().path, f"--logdir={folder}", *options]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                while not (port.is_file() and port.read_text().endswith("\n")):
                    assert process.poll() is None, "the server did not start"
                    time.sleep(0.02)
                ingester = ExistingServerDataIngester(
                    f"localhost:{port.read_text().strip()}", channel_creds_type=ChannelCredsType.LOCAL
                )
                ingester.start()
                yield ingester.data_provider
            finally:
                process.terminate()


def shown(folder: Path) -> dict[str, Points]:
    """Return the points of each scalar of a run in the order of the dashboard, and the steps of each picture."""
    asked = {"experiment_id": "", "downsample": 10_000, "run_tag_filter": RunTagFilter()}
    points: dict[str, Points] = {}
    with server(folder) as data:
        for _ in range(100):  # it starts before it has read everything
            before = points
            scalars = data.read_scalars(RequestContext(), plugin_name="scalars", **asked)
            pictures = data.read_blob_sequences(RequestContext(), plugin_name="images", **asked)
            points = {
                tag: [(one.step, one.value) for one in found]
                for tags in scalars.values()
                for tag, found in tags.items()
            }
            points |= {
                tag: [(one.step, 0.0) for one in found] for tags in pictures.values() for tag, found in tags.items()
            }
            if points and points == before:
                break
            time.sleep(0.1)
    return points
