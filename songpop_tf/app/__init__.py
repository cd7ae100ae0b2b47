"""A local web page: drop a song or a table, and see the predictions and what stands behind them."""
