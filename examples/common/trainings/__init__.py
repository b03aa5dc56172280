"""Examples that are trainings by ``s2s train``: of several systems on several data sets, in one table."""
