"""The forecast's scorecard: baselines, scores, controls, closed loop, real data, plots."""
