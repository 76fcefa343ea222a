"""The estimators that a sweep can train: those of a catalogue, and others of scikit-learn by dotted name."""

from engine.training.estimators.catalogue import (
    ESTIMATORS as ESTIMATORS,
    KNN as KNN,
    Estimator as Estimator,
    Parameter as Parameter,
    check_values as check_values,
    estimator as estimator,
)
