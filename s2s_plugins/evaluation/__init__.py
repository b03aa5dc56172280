"""How good predictions are: rates with intervals, errors by length, symbol and class, calibration.

Nothing here knows a model: predictions and what is right go in, figures come out.
"""
