"""Generated faces of any one size beside held-out real ones; the paper shows such faces, unscored.

    python -m bench.run --suite cascade-faces --system mine=PICTURES [--data REAL]

Folders of any number of pictures under any names; `--data` must have their size (embedded: 100
rendered faces, 128x128). Run time on 2 CPU cores: about a minute per 1000 pictures.
"""

from bench.suites.protocol import Suite

SUITE = Suite(
    title="generated faces",
    version=1,
    scale=1,
    size=None,
    systems=(),
    metrics=(
        "fid_ref",
        "kid",
        "fd_efficientnet_lite0",
        "precision_efficientnet_lite0",
        "recall_efficientnet_lite0",
        "density_efficientnet_lite0",
        "coverage_efficientnet_lite0",
    ),
    dataset="FFHQ",
    paper_table=None,
    prepare=None,
    unpaired=True,
    embedded="faces-rendered",
    faces=True,
)
