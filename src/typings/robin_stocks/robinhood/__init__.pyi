from . import helper as helper
from . import orders as orders
from . import urls as urls
from .authentication import login as login
from .authentication import logout as logout
from .helper import set_output as set_output
