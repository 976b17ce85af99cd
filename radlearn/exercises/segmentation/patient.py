"""The one CT of these exercises: a built-in patient with ground glass and no other finding, on coarse voxels, with the exact masks."""

from functools import cache

from radlearn.digital_thorax.ct import Ct, render_ct
from radlearn.digital_thorax.ct_grid import boxed_geometry
from radlearn.digital_thorax.ct_planning import draw_body, plan_cts

SPACING_MM = (5.0, 5.0, 8.0)


@cache
def patient() -> Ct:
    """Return the CT; the first call takes a second."""
    body = draw_body(plan_cts(10, seed=0, heavy=True)[9])
    return render_ct(body, boxed_geometry(*body.lungs_box_mm(), SPACING_MM), couch=None)
