"""Compile the kernels before the tests, so that no two processes do it at once.

python -m tests.warm_up
"""

from __future__ import annotations


def main():
    """Compile everything that is not kept already."""
    from napari_nx46.run.warm_up import warm_up

    done = warm_up()
    print(f"compiled {done.compiled} of {done.kernels} kernels in {done.seconds:.1f} s")


if __name__ == "__main__":
    main()
