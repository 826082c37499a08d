"""AffectNet in both distributions, and Aff-Wild2 with invalid frames and a second person."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.fake.datasets.copy import FakeCopy, put_picture, put_text

HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
)


def write_affectnet(root: Path) -> None:
    """Write the first distribution; its second list has no header."""
    lists = root / "Manually_Annotated_file_lists"
    train = [
        "1/aa.jpg,1,2,4,4,1;2;3,1,0.8,0.2",
        "1/bb.jpg,0,0,8,8,1;2,8,-2,-2",
        "2/cc.jpg,0,0,8,8,1;2,10,-2,-2",
    ]
    put_text(lists / "training.csv", "\n".join([HEADER, *train]) + "\n")
    put_text(lists / "validation.csv", "3/dd.jpg,0,0,8,8,1;2,7,-0.5,0.4\n")
    for name in ("1/aa.jpg", "1/bb.jpg", "2/cc.jpg", "3/dd.jpg"):
        put_picture(root / "Manually_Annotated_Images" / name)


def write_affectnet_later(root: Path) -> None:
    """Write the later distribution: the same number in both sets, codes as text and as number."""
    for name, number, code in (("train_set", 0, "3"), ("train_set", 1, "0"), ("val_set", 0, "7")):
        put_picture(root / name / "images" / f"{number}.jpg")
        folder = root / name / "annotations"
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{number}_exp.npy", np.array(code))
        np.save(folder / f"{number}_val.npy", np.array("-2.0"))
        np.save(folder / f"{number}_aro.npy", np.array(0.25))


def write_aff_wild2(root: Path) -> None:
    """Write three videos: one of two people, one with a faceless, an invalid and a half invalid frame."""
    header = "AU1,AU2,AU4,AU6,AU7,AU10,AU12,AU15,AU23,AU24,AU25,AU26\n"
    place = root / "annotations" / "AU_Detection_Challenge"
    valid, half = "0,1,0,0,0,0,1,0,0,0,0,0", "-1,1,0,0,0,0,1,0,0,0,0,0"
    none = ",".join(["-1"] * 12)
    put_text(place / "Train_Set" / "7-60.txt", header + "\n".join([valid, none, half, valid]) + "\n")
    put_text(place / "Train_Set" / "12_left.txt", header + valid + "\n" + valid + "\n")
    put_text(place / "Validation_Set" / "video9.txt", header + valid + "\n")
    for video, frames in (("7-60", (1, 2, 3)), ("12_left", (1, 2)), ("video9", (1,))):
        for frame in frames:
            put_picture(root / "cropped_aligned" / video / f"{frame:05d}.jpg")


AFFECTNET = FakeCopy(
    write=write_affectnet,
    rows=4,
    labels="Manually_Annotated_file_lists",
    wrong=("Manually_Annotated_file_lists/training.csv", "3,1,0.8", "3,11,0.8"),
    picture="Manually_Annotated_Images/2/cc.jpg",
    stray="Manually_Annotated_Images/2/zz.jpg",
)
AFF_WILD2 = FakeCopy(
    write=write_aff_wild2,
    rows=5,
    labels="annotations/AU_Detection_Challenge",
    wrong=("annotations/AU_Detection_Challenge/Train_Set/12_left.txt", "\n0,1", "\n5,1"),
    picture="cropped_aligned/12_left/00002.jpg",
    stray="cropped_aligned/video9/00044.jpg",
)
