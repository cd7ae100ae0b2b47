"""``python -m songpop_tf``: the command line."""

from songpop_tf.cli import main

if __name__ == "__main__":
    main()
