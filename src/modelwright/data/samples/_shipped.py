"""Tables that scikit-learn carries in its own package, as header and rows with readable names and labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Rows = Iterator[Sequence[object]]


def _column_name(name: str) -> str:
    """Return `sepal_length_cm` for `sepal length (cm)`: letters, digits and underscores only."""
    words = "".join(c if c.isalnum() else " " for c in name.lower()).split()
    return "_".join(words)


def _labelled(data: Any, target: str, labels: Sequence[str] | None) -> Rows:
    yield [*(_column_name(str(n)) for n in data.feature_names), target]
    for values, answer in zip(data.data.tolist(), data.target.tolist(), strict=True):
        yield [*(f"{v:g}" for v in values), labels[answer] if labels else f"{answer:g}"]


def iris() -> Rows:
    """Yield Fisher's flowers; lengths in cm."""
    from sklearn.datasets import load_iris

    data = load_iris()
    return _labelled(data, "species", [str(n) for n in data.target_names])


def wine() -> Rows:
    """Yield wines of one Italian region by what was measured in them; the cultivars have no names at the source."""
    from sklearn.datasets import load_wine

    data = load_wine()
    # One name at the source says "ratio of two absorbances" with a slash; spelt out it is a usable column name.
    data.feature_names = [n.replace("od280/od315_of_diluted_wines", "od280_od315_ratio") for n in data.feature_names]
    return _labelled(data, "cultivar", ["first", "second", "third"])


def breast_cancer() -> Rows:
    """Yield tumours by measures of their cell nuclei; lengths in pixels of the image, as at the source."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    return _labelled(data, "diagnosis", [str(n) for n in data.target_names])


def diabetes() -> Rows:
    """Yield patients in their own units (years, kg/m2, mm Hg, serum values) and the progression after one year."""
    from sklearn.datasets import load_diabetes

    data = load_diabetes(scaled=False)
    names = {
        "bmi": "body_mass_index", "bp": "blood_pressure", "s1": "total_cholesterol", "s2": "ldl", "s3": "hdl",
        "s4": "cholesterol_hdl_ratio", "s5": "log_triglycerides", "s6": "blood_sugar",
    }  # fmt: skip
    header, *rows = _labelled(data, "progression", None)
    yield [names.get(str(n), n) for n in header]
    at = list(data.feature_names).index("sex")
    for row in rows:
        # The source codes sex as 1 and 2 and does not say which is which.
        yield [f"group_{v}" if i == at else v for i, v in enumerate(row)]


def digits() -> Rows:
    """Yield images of 8 x 8 grey values 0..16, row by row from the top left, and the digit they show."""
    from sklearn.datasets import load_digits

    return _labelled(load_digits(), "digit", None)


def digit_pictures() -> Rows:
    """Yield the same images as PNG files in data URLs, and the digit they show."""
    import base64
    import io

    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    data = load_digits()
    yield ["picture", "digit"]
    for pixels, answer in zip(data.images, data.target.tolist(), strict=True):
        held = io.BytesIO()
        Image.fromarray(np.minimum(255, pixels * 16).astype(np.uint8)).save(held, "PNG")
        yield ["data:image/png;base64," + base64.b64encode(held.getvalue()).decode(), f"{answer}"]
