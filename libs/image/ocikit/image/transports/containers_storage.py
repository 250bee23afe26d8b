"""``containers-storage:[STORE]NAME``: images in a store on this machine (image spec, section 4.7)."""

from __future__ import annotations

from ocikit.common.errors import InvalidReference
from ocikit.image.digest import is_digest, is_hex64
from ocikit.image.errors import ImageNotFound
from ocikit.image.reference import ImageName, parse_normalized
from ocikit.image.transports.base import ImageDestination, ImageReference, ImageSource, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.image.context import SystemContext
    from ocikit.storage import Store
    from ocikit.storage.records import ImageRecord

ID_PREFIX_MIN = 3


class StorageTransport(Transport):
    name = "containers-storage"

    def parse(self, text: str) -> StorageReference:
        spec, rest = "", text
        if text.startswith("["):
            spec, bracket, rest = text[1:].partition("]")
            if not bracket or not spec:
                raise InvalidReference(f'containers-storage:{text}: invalid reference, expected "[STORE]NAME"')
        return parse_in_store(open_store(spec), rest, text)

    def check_policy_scope(self, scope: str) -> str:
        if not scope.startswith("["):
            return f"Invalid scope {scope}: must start with [STORE]"
        return ""


TRANSPORT = StorageTransport()


def open_store(spec: str) -> Store:
    """The store of ``[spec]``: ``/graph``, ``driver@/graph``, ``driver@/graph+/run:opt=v,opt=v``; "" is the default one."""
    from ocikit.storage import Store, StoreOptions

    if not spec:
        return Store.open(StoreOptions())
    place, colon, options = spec.partition(":")
    driver, at, paths = place.partition("@")
    if not at:
        driver, paths = "", place
    elif not driver or not paths:
        raise InvalidReference(f"containers-storage:[{spec}]: invalid reference, expected driver@/graphroot+/runroot")
    graph, plus, run = paths.partition("+")
    for path in (graph, run) if plus else (graph,):
        if not path.startswith("/"):
            raise InvalidReference(f'containers-storage:[{spec}]: path name is not absolute: "{path}"')
    return Store.open(
        StoreOptions(
            graphroot=graph,
            runroot=run or None,
            driver=driver or None,
            options=options.split(",") if colon and options else None,
        )
    )


def parse_in_store(store: Store, text: str, shown: str = "") -> StorageReference:
    """What ``NAME``, ``NAME@ID``, ``@ID`` or ``ID`` mean in a store. Raises :class:`InvalidReference`."""
    shown = shown or text
    if not text:
        raise InvalidReference(f"containers-storage:{shown}: invalid reference, an image name or id is missing")
    image_id = ""
    head, at, tail = text.rpartition("@")
    if at and not is_digest(tail):
        if is_hex64(tail):
            image_id, text = tail, head
        else:
            full = _by_prefix(store, tail)
            if not full:
                raise InvalidReference(f'containers-storage:{shown}: "{tail}" does not look like an image ID or digest')
            image_id, text = full, head
    elif not at and ":" not in text and len(text) >= ID_PREFIX_MIN:
        full = text if is_hex64(text) else _by_prefix(store, text)
        if full:
            return StorageReference(store, None, full)
    if not text:
        return StorageReference(store, None, image_id)
    return StorageReference(store, parse_normalized(text).tagged(), image_id)


def _by_prefix(store: Store, text: str) -> str:
    """The full id that ``text`` (hex, at least three characters) is the only one to begin, or ""."""
    if len(text) < ID_PREFIX_MIN or text.strip("0123456789abcdef"):
        return ""
    found = {image.id for image in store.images() if image.id.startswith(text)}
    return found.pop() if len(found) == 1 else ""


class StorageReference(ImageReference):
    """``name`` has a tag or a digest; ``image_id`` "" unless the reference says one. One of them is there."""

    transport = TRANSPORT

    def __init__(self, store: Store, name: ImageName | None, image_id: str = "") -> None:
        self.store = store
        self.name = name
        self.image_id = image_id

    @property
    def store_spec(self) -> str:
        store = self.store
        spec = f"[{store.driver}@{store.graphroot}+{store.runroot}"
        if store.options:
            spec += ":" + ",".join(store.options)
        return spec + "]"

    def string_within_transport(self) -> str:
        text = self.store_spec
        if self.name is not None:
            text += str(self.name)
        return text + ("@" + self.image_id if self.image_id else "")

    def docker_reference(self) -> ImageName | None:
        return self.name

    def policy_identity(self) -> str:
        text = f"[{self.store.driver}@{self.store.graphroot}]"
        if self.name is not None:
            text += str(self.name)
        return text + ("@" + self.image_id if self.image_id else "")

    def policy_namespaces(self) -> list[str]:
        place = f"[{self.store.driver}@{self.store.graphroot}]"
        scopes = []
        if self.name is not None:
            if self.image_id:
                scopes.append(place + str(self.name))
            path = self.name.name
            while path:
                scopes.append(place + path)
                path = path.rpartition("/")[0]
        return [*scopes, place, f"[{self.store.graphroot}]"]

    def resolve(self, ctx: SystemContext | None = None) -> ImageRecord:
        """The image's record. Raises :class:`ImageNotFound`."""
        from ocikit.storage.errors import ImageUnknown

        try:
            if self.image_id:
                record = self.store.image(self.image_id)
                if self.name is None or str(self.name) in record.names or self.name.digest in record.digests:
                    return record
            elif self.name is not None:
                return self._by_name(self.name)
        except ImageUnknown:
            pass
        raise ImageNotFound(f'reference "{self.string_within_transport()}" does not resolve to an image ID')

    def _by_name(self, name: ImageName) -> ImageRecord:
        for record in self.store.images():
            if str(name) in record.names:
                return record
        if name.digest:
            for record in self.store.images_by_digest(name.digest):
                for one in record.names:
                    if parse_normalized(one).name == name.name:
                        return record
        from ocikit.storage.errors import ImageUnknown

        raise ImageUnknown(str(name))

    def open_source(self, ctx: SystemContext) -> ImageSource:
        from ocikit.image.transports.storage_source import StorageSource

        return StorageSource(self, self.resolve(ctx))

    def open_destination(self, ctx: SystemContext) -> ImageDestination:
        from ocikit.image.transports.storage_dest import StorageDestination

        return StorageDestination(self)

    def delete(self, ctx: SystemContext) -> None:
        """Removes the image with all its names, and layers that nothing else uses."""
        self.store.delete_image(self.resolve(ctx).id)
