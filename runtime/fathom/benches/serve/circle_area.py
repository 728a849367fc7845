"""The area of a circle, as guest-examples/circle-area computes it, for the Functions Framework."""

import math

import functions_framework


@functions_framework.http
def circle_area(request):
    return {"area": math.pi * request.get_json()["radius"] ** 2}
