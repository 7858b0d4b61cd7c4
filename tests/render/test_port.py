"""The service in its process, and the client over WebSocket and HTTP, keep the same promises."""

import contextlib
import io

import pytest
import pytest_asyncio
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import BasicTextSRStorage, ExplicitVRLittleEndian

from webviewer.clients.render import RenderClient
from webviewer.domain.identity import Action
from webviewer.testing.render_port import RenderPortConformance, Subject

SLOTS = 8


def report():
    """An object without a picture."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = BasicTextSRStorage, "1.2.3.4.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.4", "1.2.3.4.2"
    dataset.PatientID, dataset.PatientName, dataset.Modality = "R", "R", "SR"
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest_asyncio.fixture(loop_scope="class", scope="class", params=["service", "client"])
async def subject(request, tmp_path_factory, phantom, start_node, serve_app):
    folder = tmp_path_factory.mktemp("node")
    over_http = request.param == "client"
    async with contextlib.AsyncExitStack() as stack:
        node = await stack.enter_async_context(start_node(folder, over_http=over_http, render_slots=SLOTS))
        series = await node.store(phantom("port").instances(), folder)
        no_images = await node.store([report()], folder)
        port = node.port
        if over_http:
            port = RenderClient(await stack.enter_async_context(serve_app(node.app)))
            stack.push_async_callback(port.aclose)
        yield Subject(
            port=port,
            series=series,
            no_images=no_images,
            slots=SLOTS,
            storage=node.storage_url,
            view_token=node.view_token,
            pixels_token=node.pixels_token,
            wrong_token=node.pixels_token(series, actions={Action.VIEW}),
            powerless_token=node.view_token("session", actions={Action.LIST}),
            operate_token=node.view_token("", actions={Action.OPERATE}),
        )


@pytest.mark.asyncio(loop_scope="class")
class TestRenderPort(RenderPortConformance):
    """Runs once against each."""
