"""Where pictures lie: a `Place` is a local path or an object's URL. Only here fsspec is known."""

from poolcli.stores.place import Place as Place
from poolcli.stores.place import Url as Url
from poolcli.stores.place import place_of as place_of
from poolcli.stores.place import safe_part as safe_part
from poolcli.stores.transfer import fetched as fetched
from poolcli.stores.transfer import publish as publish
