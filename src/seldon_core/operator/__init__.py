"""The controller: it makes the objects of each SeldonDeployment, keeps them right, and reports what it sees.

May import api, kube and transport; `render` is its pure part and imports api alone.
"""
