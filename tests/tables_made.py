"""Tables of tracks as somebody else would write them."""

import numpy as np


def people(count=6, dimension=32, seed=3):
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def walk(count=6, cameras=3, boxes=4):
    """Each person walks through all cameras, one after another."""
    looks, noise = people(count), np.random.default_rng(0)
    columns = {"camera": [], "track": [], "time": [], "features": [], "who": []}
    for camera in range(cameras):
        for person in range(count):
            for box in range(boxes):
                columns["camera"].append(f"cam{camera}")
                columns["track"].append(100 * camera + person)
                columns["time"].append(60.0 * camera + 7 * person + box)
                columns["features"].append(looks[person] + 0.05 * noise.normal(size=looks.shape[1]))
                columns["who"].append(person)
    return {name: np.array(values) for name, values in columns.items()}


def saved(path, **columns):
    np.savez(path, **columns)
    return path


def parquet(path, **columns):
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({name: list(values) for name, values in columns.items()}), path)
    return path
