"""A RoofLink job's documents: list them, upload one.

The list is known from public client code. The prospects' page says that documents can be uploaded, and not how.

Source: https://developers.rooflink.com/reference/prospect-jobs
"""

from __future__ import annotations

from leadbridge.server.catalog.effects import Effect
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.definition import read_tool
from leadbridge.server.mcp.reply import MakeReply, Omitted
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.writes.model import LocalOperation, Write
from leadbridge.tools.lists import Page, PageSize
from leadbridge.tools.rooflink.files import FileFields, FilePage, files_of_job
from leadbridge.tools.rooflink.uploads import FileKind, FilePath, JobId, Name, upload_write

DOCUMENT = FileKind(
    "document",
    LocalOperation("leadbridge.upload_document", "rooflink", "upload the document to {target}", Effect.ADDITIVE),
    create="rooflink.upload_document",
    finish="rooflink.finish_document",
    types=frozenset({"application", "image"}),
)


async def rooflink_list_documents(
    ctx: Ctx, job_id: JobId, page: Page = 1, page_size: PageSize = 10, fields: FileFields | Omitted = None
) -> MakeReply[FilePage]:
    """List the documents of a RoofLink job. An address under url expires after a while.

    The path was seen on another host of RoofLink's, and is inferred here.
    """
    return await files_of_job(app_context(ctx), "rooflink.list_documents", job_id, (page, page_size), fields)


async def rooflink_upload_document(ctx: Ctx, job_id: JobId, file_path: FilePath, name: Name = None) -> Write:
    """Upload a document (PDF, Word, Excel, picture) from the server's upload folder to a RoofLink job.

    At most 50 MB. If it stops half way, the same call continues, without a second document. No page says how RoofLink
    takes documents: the requests are inferred from those for photos.
    """
    return await upload_write(app_context(ctx), DOCUMENT, job_id, file_path, name, {})


TOOLS = (
    read_tool(rooflink_list_documents, "rooflink.list_documents", title="List documents"),
    write_tool(
        rooflink_upload_document,
        "rooflink.upload_document",
        "rooflink.finish_document",
        title="Upload document",
        reads_files=True,
    ),
)
