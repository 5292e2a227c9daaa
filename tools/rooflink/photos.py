"""A RoofLink job's photos: list them, upload one.

Sources: https://developers.rooflink.com/reference/photos-create; the list is known from public client code.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from leadbridge.server.catalog.effects import Effect
from leadbridge.server.mcp.arguments import Remark, Tag
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.definition import read_tool
from leadbridge.server.mcp.reply import MakeReply, Omitted
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.writes.model import LocalOperation, Write
from leadbridge.tools.lists import Page, PageSize
from leadbridge.tools.rooflink.files import FileFields, FilePage, files_of_job
from leadbridge.tools.rooflink.uploads import FileKind, FilePath, JobId, Name, upload_write

Tags = Annotated[list[Tag], Field(min_length=1, max_length=20)]
PHOTO = FileKind(
    "photo",
    LocalOperation("leadbridge.upload_photo", "rooflink", "upload the photo to {target}", Effect.ADDITIVE),
    create="rooflink.create_photo",
    finish="rooflink.finish_photo",
    types=frozenset({"image", "video"}),
)


async def rooflink_list_photos(
    ctx: Ctx, job_id: JobId, page: Page = 1, page_size: PageSize = 10, fields: FileFields | Omitted = None
) -> MakeReply[FilePage]:
    """List the photos and videos of a RoofLink job.

    The path was seen on another host of RoofLink's, and is inferred here.
    """
    return await files_of_job(app_context(ctx), "rooflink.list_photos", job_id, (page, page_size), fields)


async def rooflink_upload_photo(
    ctx: Ctx,
    job_id: JobId,
    file_path: FilePath,
    name: Name = None,
    description: Annotated[Remark | Omitted, Field(description="Caption")] = None,
    tags: Annotated[Tags | Omitted, Field(description="The company's photo tags")] = None,
) -> Write:
    """Upload a photo or video from the server's upload folder to a RoofLink job.

    At most 50 MB. If it stops half way, the same call continues, without a second photo.
    """
    more: dict[str, JsonValue] = {"description": description, "tags": [*tags] if tags else None}
    return await upload_write(app_context(ctx), PHOTO, job_id, file_path, name, more)


TOOLS = (
    read_tool(rooflink_list_photos, "rooflink.list_photos", title="List photos"),
    write_tool(
        rooflink_upload_photo,
        "rooflink.create_photo",
        "rooflink.finish_photo",
        title="Upload photo",
        reads_files=True,
    ),
)
