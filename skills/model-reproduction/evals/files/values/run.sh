#!/bin/sh
# the command of the paper's main result
python train.py --config base.yaml --lr 6e-4 --batch-size 512 --steps 100000
