"""MNIST, through torchvision."""

import contextlib
import io
from pathlib import Path
from urllib.error import URLError

from filelock import FileLock

from vae_lab.data.image_set import ImageSet, Split, Splits, hold_out
from vae_lab.errors import UserError
from vae_lab.options import PositiveInt

# torchvision checks the archives that it downloads, but not the unpacked files that it reads.
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


class MNIST(ImageSet):
    """60,000 training and 10,000 test images of handwritten digits, 28x28.

    http://yann.lecun.com/exdb/mnist/

    Args:
        root: the folder that holds (or will hold) `MNIST/raw`.
        num_validation: training images held out for validation.
    """

    def __init__(self, root: str, num_validation: PositiveInt = 10_000) -> None:
        self.root = Path(root).expanduser().absolute()
        self.num_validation = num_validation

    def load(self) -> Splits:
        from torchvision import datasets

        raw = self.root / "MNIST" / "raw"
        if self._missing(raw):
            self._download(raw)
        self._verify(raw)
        train, test = (datasets.MNIST(str(self.root), train=train) for train in (True, False))
        data = Split(train.data.unsqueeze(1), train.targets)  # (60000, 1, 28, 28)
        kept, val = hold_out(data, self.num_validation, "data.num_validation")
        return Splits(kept, val, Split(test.data.unsqueeze(1), test.targets))

    @staticmethod
    def _missing(raw: Path) -> list[str]:
        return [name for name in MD5 if not (raw / name).is_file()]

    def _download(self, raw: Path) -> None:
        """Fetch what is missing, once, also when several runs start together."""
        from torchvision import datasets

        try:
            raw.mkdir(parents=True, exist_ok=True)
            with FileLock(raw / ".lock"):
                if self._missing(raw):
                    # torchvision reports every mirror that it tries; one message at the end is enough.
                    with contextlib.redirect_stdout(io.StringIO()):
                        datasets.MNIST(str(self.root), download=True)
        except (OSError, RuntimeError, URLError) as error:
            raise UserError(
                f"data.root={self.root}: MNIST is not in {raw} and could not be downloaded "
                f"({str(error).strip().splitlines()[-1]}); set VAE_LAB_DATA to the folder that holds MNIST/raw, "
                "or use the embedded digits with data=digits"
            ) from error

    @staticmethod
    def _verify(raw: Path) -> None:
        from torchvision.datasets.utils import check_integrity

        for name, md5 in MD5.items():
            if not check_integrity(str(raw / name), md5):
                raise UserError(
                    f"data.root: {raw / name} is damaged (its MD5 is not {md5}); delete it and run again to "
                    "download it afresh, or use the embedded digits with data=digits"
                )
