"""What a trained model is worth, by estimators that do not depend on how it was trained."""
