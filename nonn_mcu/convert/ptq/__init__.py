"""Post-training quantisation beyond the stock converter's: its int8 model, refined step by step.

:func:`nonn_mcu.convert.ptq.refine.refine` is the way in. The steps are functions from one
:class:`~nonn_mcu.convert.ptq.net.Net` to another, each in a module of its own.
"""
