"""Published claims, each with the number as published, our prediction, and a measurement.

`claim` holds what a claim is and the rule of its verdict; the other files hold claims by subject.
"""
