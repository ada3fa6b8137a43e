"""Answering predictions: predictors, request decoder, route table, prediction log, hot path.

The room stands alone: it knows neither the database nor the web framework. What it needs from
them (who may call, which routes exist, how an error becomes an answer) comes in as arguments.
Import what you use from its modules, so that a reader of the log loads no inference runtime.
"""
