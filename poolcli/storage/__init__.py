"""Where pictures lie: a `Place` is a local path or an object's URL. Only here fsspec is known."""

from poolcli.storage.places import Place as Place
from poolcli.storage.places import Url as Url
from poolcli.storage.places import fetched as fetched
from poolcli.storage.places import place_of as place_of
from poolcli.storage.places import publish as publish
from poolcli.storage.places import safe_part as safe_part
