#!/usr/bin/env bash
# pydicom 3.0.2: pixel values that stand in the upper bits of their words lose their highest bits, without a word.
#
# A picture of 12 bits in words of 16 with High Bit 15 keeps its values in the upper twelve. pixel_array takes the lowest twelve of the
# word instead and does not shift them: 4095 comes back as 4080, 2048 as 0. What helps: read with Bits Stored set to Bits Allocated,
# then shift by High Bit + 1 - Bits Stored.
# Output seen:
#   stored [4095, 2048, 1]  read [4080, 0, 16]
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" pydicom==3.0.2 numpy==2.4.6
PYTHONPATH=$place python3 - <<'PY'
import io
import sys

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset

stored = np.array([[4095, 2048, 1]], np.uint16)
meta = FileMetaDataset()
meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
meta.MediaStorageSOPInstanceUID = "1.2.3"
file = FileDataset("x", {}, file_meta=meta, preamble=b"\0" * 128)
file.Rows, file.Columns, file.SamplesPerPixel, file.PhotometricInterpretation = 1, 3, 1, "MONOCHROME2"
file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 12, 15, 0
file.PixelData = (stored << 4).tobytes()
held = io.BytesIO()
file.save_as(held, enforce_file_format=True)
read = pydicom.dcmread(io.BytesIO(held.getvalue())).pixel_array
print(f"stored {stored[0].tolist()}  read {read[0].tolist()}")
sys.exit(0 if read[0].tolist() == [4080, 0, 16] else 1)
PY
