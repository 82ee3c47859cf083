"""Where pictures lie: a `Place` is a local path or an object's URL. Only here fsspec is known."""

from poolcli.storage.files import Place as Place
from poolcli.storage.files import fetched as fetched
from poolcli.storage.files import place_of as place_of
from poolcli.storage.files import publish as publish
from poolcli.storage.stores import Url as Url
from poolcli.storage.stores import safe_part as safe_part
