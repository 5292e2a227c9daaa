"""Everything that the sandbox does and no documentation page says, each with its reason.

The code names an assumption by its id where it acts on it, in a comment `assumption id`; a test holds both together.
What is not listed here, the services' pages say or public code was seen to receive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Assumption:
    """One behaviour beyond the documentation."""

    id: str
    service: Literal["rooflink", "renovationfind", "both"]
    what: str
    why: str


ASSUMPTIONS = (
    Assumption(
        "refused-do-not-count",
        "both",
        "A request refused with 429 does not count against the limit; the window slides, and opens again when exactly "
        "its length has passed.",
        "The pages give numbers, no algorithm. This one never admits more than they say.",
    ),
    Assumption(
        "email-format",
        "both",
        "An e-mail address must look like one: RoofLink's customer, RenovationFind's emailTo.",
        "RenovationFind declares the format; RoofLink's page says text, its framework's field for addresses checks.",
    ),
    Assumption(
        "drf-bodies",
        "rooflink",
        'Errors are {"detail": text} or {field: [texts]} with all wrong fields at once, in the framework\'s words; '
        "unknown fields of a body are passed over.",
        "The pages name status codes only. A live message was Django's, and the paths are Django's.",
    ),
    Assumption(
        "unknown-path-html",
        "rooflink",
        "An unknown path is answered with an HTML page and 404, before the key is looked at.",
        "Django resolves the path before the framework runs, and answers with its own page.",
    ),
    Assumption(
        "missing-slash",
        "rooflink",
        "A path without its trailing slash is answered with a 301 to the path with it, whatever the method; a client "
        "that follows turns a POST into a GET.",
        "Every documented path ends in a slash; the redirect is Django's default (APPEND_SLASH).",
    ),
    Assumption(
        "paging",
        "rooflink",
        "A page that does not exist is 404; a page size that is no positive number counts as 10, one above the maximum "
        "as the maximum; an empty list has null for both indexes.",
        "The framework's page-number pagination does so; the envelope's names are documented.",
    ),
    Assumption(
        "id-400",
        "rooflink",
        "An id in the path that is no positive integer is 400.",
        "The responses page says 400, the requests page allows 405.",
    ),
    Assumption(
        "strict-text",
        "rooflink",
        "A number or boolean where text is asked is refused, coordinates included.",
        "The page declares text. The framework itself would take a number; a simulator should not forgive more.",
    ),
    Assumption(
        "strict-integer",
        "rooflink",
        "A text or boolean where an integer is asked is refused.",
        "The pages declare integers. The framework itself would take a text of digits; a simulator should not forgive "
        "more.",
    ),
    Assumption(
        "filter-names",
        "rooflink",
        "The names of the list's filters on the wire, but for date_deleted__isnull; coordinates match within 0.05 "
        "degrees, cities without regard to case; an unreadable value is 400, an unknown id matches nothing.",
        "The page describes the filters without naming them; the names follow its fields and sibling endpoints.",
    ),
    Assumption(
        "ignored-filters",
        "rooflink",
        "state and project_manager are ignored in silence unless asked for (honoured_filters).",
        "Some guessed names will be wrong, and the framework ignores unknown parameters. A client must notice.",
    ),
    Assumption(
        "date-filter-day",
        "rooflink",
        "A filter's date without a time means the day's begin for __gte and its end for __lte; an ISO date-time with a "
        "T is refused.",
        "The refusal was seen live on another list of the service; the rest is what a user of the filter expects.",
    ),
    Assumption(
        "company-time",
        "rooflink",
        "Display dates are in a company time five hours behind UTC, all year.",
        "They name no zone; the one ISO date seen live had this offset.",
    ),
    Assumption(
        "empty-text-for-null",
        "rooflink",
        'Missing phones, e-mails, bid types and dates are empty texts, and a customer without a name is "Unknown".',
        "Both were seen live, not in which fields exactly.",
    ),
    Assumption(
        "detail-fields",
        "rooflink",
        "A prospect's detail is its list row, the address in parts, lead_status, description, extra_info, photos and a "
        "timestamps object in ISO format.",
        "The page describes the detail in prose.",
    ),
    Assumption(
        "checklist-shape",
        "rooflink",
        "The checklist is an object keyed by step, or an array of steps, as chosen (checklist_shape).",
        "The page describes it in prose; the keys are those of the list row's pipeline.",
    ),
    Assumption(
        "stats-shape",
        "rooflink",
        "The statistics are one object, an array, or nested, as chosen (stats_shape); custom filters stand beside the "
        "predefined ones under the names that users gave them.",
        "The page describes them in prose.",
    ),
    Assumption(
        "stats-codes",
        "rooflink",
        "What the 13 codes of predefined filters mean, and that the status filter of the list takes them; all but d "
        "and ad leave deleted prospects out.",
        "The codes are public, their meanings are read from their letters and the documented stages.",
    ),
    Assumption(
        "create-lead-path",
        "rooflink",
        "POST /light/jobs/create_customer_and_job/ unless chosen otherwise (create_lead_path).",
        "The page names neither method nor path; its slug is create-customer-and-job.",
    ),
    Assumption(
        "create-lead-names",
        "rooflink",
        "The names of the body's fields but for state and extra_info; changeable (create_lead_names).",
        "The page's text lost them; answers and sibling endpoints use these.",
    ),
    Assumption(
        "lead-status-required",
        "rooflink",
        "A body without lead_status is refused.",
        "The page says both: required, and that it defaults to u. The stricter reading is the safer one.",
    ),
    Assumption(
        "unknown-lead-status",
        "rooflink",
        "A lead_status outside the 14 documented codes is taken, up to 50 characters.",
        "The documented list may be incomplete, and its limit of 50 is no limit of two-letter codes.",
    ),
    Assumption(
        "region-by-distance",
        "rooflink",
        "A new lead belongs to the region whose centre is nearest.",
        "The page says that the coordinates determine the region, not how.",
    ),
    Assumption(
        "key-user",
        "rooflink",
        "The key acts as Alex Romero (301), whose calendar is one's own.",
        "The page says that a key acts as the company's owner; the simulator has no owner.",
    ),
    Assumption(
        "event-row",
        "rooflink",
        "An event's fields but for start, end, local_start and local_end: name, all_day, any_time, recurrence, job, "
        "invitees and created_by as objects with id and name.",
        "The pages name some of them for the request, none for the answer.",
    ),
    Assumption(
        "event-filter-names",
        "rooflink",
        "The names of the calendar's filters but for users: job, start__gte and start__lte with a day; job is ignored "
        "unless chosen (event_filters).",
        "The page says that there are such filters without naming them.",
    ),
    Assumption(
        "event-date-format",
        "rooflink",
        "start and end are read as MM/DD/YYYY hh:mmAM in the company's time; another format can be chosen "
        "(event_date_format).",
        "No page says what is taken; answers show the like.",
    ),
    Assumption(
        "event-invitees",
        "rooflink",
        "The invitees of an event are sent as invitees, a list of user ids that replaces the one before.",
        "The page says that they are user ids, not under which name.",
    ),
    Assumption(
        "deleted-event-tells",
        "rooflink",
        "The invitees of a deleted event are told.",
        "The page does not say; invitations were sent to them.",
    ),
    Assumption(
        "photo-names",
        "rooflink",
        "The names description and job in the body of a new photo.",
        "The page's text lost them; photo rows and sibling endpoints use these.",
    ),
    Assumption(
        "upload-form",
        "rooflink",
        "The form is one of an object store: key, policy, signature; it is valid for an hour, refused with 403 when a "
        "field is missing, changed or too old, and a second upload replaces the first.",
        "The page names url and fields, of which it shows key.",
    ),
    Assumption(
        "file-first",
        "rooflink",
        "A photo whose file has not arrived cannot be reported as complete (400); a second report is taken.",
        "Nothing is said.",
    ),
    Assumption(
        "job-files",
        "rooflink",
        "A job's photos and documents are listed with ?job=, none without it; a document is uploaded as a photo is.",
        "The lists were seen on another host of RoofLink's; that documents can be uploaded is said, and not how.",
    ),
    Assumption(
        "regions",
        "rooflink",
        "The list of regions has the common envelope, and search looks in the name.",
        "The page says paginated, with a text search by name; the parameter is not named.",
    ),
    Assumption(
        "region-detail",
        "rooflink",
        "A region's detail is flat but for office_manager and supplier_config.",
        "The page describes it in prose.",
    ),
    Assumption(
        "approved-jobs",
        "rooflink",
        "Submitted prospects are the approved jobs; date_from and date_to are days of the approval.",
        "Public code sends both; what they mean was not seen.",
    ),
    Assumption(
        "approved-stats",
        "rooflink",
        "The statistics of approved jobs are a total and counts by status.",
        "Public code calls the path; no answer was seen.",
    ),
    Assumption(
        "created-body",
        "rooflink",
        "A created lead is answered with 201 and its detail, customer.id and customer.user_id included.",
        "The responses page says 201 and the new object's id; what else is not said.",
    ),
    Assumption(
        "job-names",
        "rooflink",
        "The names of a changed job's fields, at the top level or in customer; those of unknown_job_fields are passed "
        "over. state is one of the 64 codes of a new lead; a region cannot be taken away.",
        "The page's text lost all but customer.first_name; the names are those of the job that is read there.",
    ),
    Assumption(
        "create-only",
        "rooflink",
        "insurance_claim or note in a change is 400.",
        "The page says that they cannot be sent, not what happens to those who do.",
    ),
    Assumption(
        "job-body",
        "rooflink",
        "A changed job is answered with 200 and the job as public code received it, the four assignments included, "
        "without county and the customer's e-mail and phones.",
        "The page's answer was not available. A client must not count on seeing every field that it sent.",
    ),
    Assumption(
        "note-names",
        "rooflink",
        "The names of a new note's job, message and two flags; changeable (note_names).",
        "The page's text kept tags and recipients only.",
    ),
    Assumption(
        "note-tags",
        "rooflink",
        "The company has five tags for notes; another one is 400.",
        "The page says that tags are values of the setting job_note_tags, not what happens to others.",
    ),
    Assumption(
        "note-mail",
        "rooflink",
        "Recipients are mailed, and the customer if notified and if there is an e-mail address; at once.",
        "The page says that sending follows the creation. A test must see what would have been mailed.",
    ),
    Assumption(
        "note-body",
        "rooflink",
        "A note's fields: job, parent, message, sender, recipients, tags, date_created, is_read, is_archived, "
        "replies_count; a created one is answered with 201 and them.",
        "The page names sender, recipients, message and tags in prose.",
    ),
    Assumption(
        "note-page-size",
        "rooflink",
        "A page_size of notes beyond 1 to 10 is 400.",
        "The page gives the bounds, not what happens beyond them; the stricter reading.",
    ),
    Assumption(
        "note-filters",
        "rooflink",
        "Notes match that have any of the tags asked for; replies are listed beside the notes they answer.",
        "The page says that tags is a list with commas, and nothing of replies.",
    ),
    Assumption(
        "customer-filters",
        "rooflink",
        "The names of the two filters of customers; region is ignored in silence unless chosen (customer_filters).",
        "The page says that there are such filters without naming them.",
    ),
    Assumption(
        "customer-detail",
        "rooflink",
        "A customer's detail is the list's row with the name in parts, the job's address and the date of creation.",
        "The page speaks of contact information, address and metadata.",
    ),
    Assumption(
        "unknown-paths",
        "rooflink",
        "Replying to a note, setting a customer's e-mail and searching a customer's jobs are answered only at a path "
        "that was chosen (reply_to_note_path and others); the id may stand in it or in the body. A reply is mailed to "
        "the employees of the thread.",
        "The pages name them without a path, and say little of what they do.",
    ),
    Assumption(
        "vendor-errors",
        "renovationfind",
        'Refusals are {"success": false, "error": text} with 400 for the body or an id, 404 for an unknown lead or '
        "path, 405 for a method.",
        "The envelope is documented for the manager's API; the vendor's shows no error.",
    ),
    Assumption(
        "vendor-rate-limit",
        "renovationfind",
        "250 requests in 5 minutes for each token, then 429 with Retry-After: 300.",
        "Documented for the manager's API; none is stated for the vendor's.",
    ),
    Assumption(
        "withheld-contact",
        "renovationfind",
        "Name, phone, address, e-mail and customerInformationHtml are empty texts until the lead is accepted.",
        'Accepting answers with "customer contact info", so it was withheld; how is not said.',
    ),
    Assumption(
        "accept-once",
        "renovationfind",
        "Accepting a lead that was accepted or declined is 409.",
        "Nothing is said; a silent repeat would hide a client's double write.",
    ),
    Assumption(
        "decline-once",
        "renovationfind",
        "Declining a lead that was accepted or declined is 409.",
        "Nothing is said; a silent repeat would hide a client's double write.",
    ),
    Assumption(
        "state-conflicts",
        "renovationfind",
        "A status for a lead that was not accepted, or whose status is JOB_WON or LEAD_WON, even the same one, is 409; "
        "the body is checked before.",
        "The rules are documented, their answer is not.",
    ),
    Assumption(
        "first-error-only",
        "renovationfind",
        "A refusal names the first thing that is wrong.",
        "The envelope has one text. It forces a client to check everything itself.",
    ),
    Assumption(
        "blank-is-missing",
        "renovationfind",
        "A reason of white space only does not count where one is required; nor do such names of a referral.",
        "Nothing is said; the stricter reading.",
    ),
    Assumption(
        "superfluous-ignored",
        "renovationfind",
        "A field that the status has no use for is checked for its type, then dropped; unknown fields are passed over.",
        "Nothing is said; the fields are described as optional for other statuses.",
    ),
    Assumption(
        "any-amount",
        "renovationfind",
        "A jobAmount may be zero or negative, and the completion may lie before the start; a date and its TBD flag may "
        "both be given.",
        "No page forbids it.",
    ),
    Assumption(
        "status-replaces",
        "renovationfind",
        "A new status replaces all data of the one before.",
        "Nothing is said; the data describe one status.",
    ),
    Assumption(
        "dates-at-midnight-utc",
        "renovationfind",
        "A day that was sent comes back as its midnight in UTC.",
        "Requests take dates, answers show date-times; no time zone is named.",
    ),
    Assumption(
        "requires-action",
        "renovationfind",
        "An accepted lead without a status requires action, and so does LEAD_WON without an attachment.",
        'A reading of the two flags\' names and of "attachment soft-required".',
    ),
    Assumption(
        "referral-match",
        "renovationfind",
        "A duplicate has the same e-mail without regard to case, or the same digits in its phone.",
        "The page says that e-mail or phone already exists.",
    ),
    Assumption(
        "referral-without-contact",
        "renovationfind",
        "A referral with neither e-mail nor phone is taken.",
        "The page requires the two names only.",
    ),
    Assumption(
        "referral-created",
        "renovationfind",
        "A created referral is answered with 201, a message and its id.",
        "The page shows the skipped case only.",
    ),
    Assumption(
        "lite-view",
        "renovationfind",
        "A list's row is the detail without customerInformationHtml, postLeadStatusData and attachments.",
        'The schema speaks of a "lite view" without showing it.',
    ),
    Assumption(
        "lead-reads",
        "renovationfind",
        "GET /general-leads, newest first, and GET /general-leads/{id}; 404 where that is chosen (lead_reads).",
        "No page documents a read.",
    ),
    Assumption(
        "lead-list-pages",
        "renovationfind",
        "The list comes whole in {success, data: [...]}; in another envelope where chosen (lead_list_shape), in pages "
        "by page and pageSize.",
        "No page shows a list. A client must read each usual envelope, and cope with paging that is passed over.",
    ),
    Assumption(
        "manager-token",
        "renovationfind",
        "The same token opens the vendor API and the Manager API, each with its own window of 250 in 5 minutes.",
        "The pages describe both tokens with the same sentence, and do not say whether they are interchangeable.",
    ),
    Assumption(
        "manager-codes",
        "renovationfind",
        "400 for a body that breaks a rule, 409 for an e-mail that is taken, else 401, 404 and 405; all with an error.",
        "The envelope and 429 are documented, other codes are not.",
    ),
    Assumption(
        "manager-vendors",
        "renovationfind",
        "One vendor is there already, with the id 5000.",
        "A subscription needs a vendor, and no page lists them.",
    ),
    Assumption(
        "manager-answers",
        "renovationfind",
        "201 with what was sent but the password for a new vendor; an empty data for a subscription.",
        "The page's answer is cut off; of the subscription's there is no sample.",
    ),
    Assumption(
        "manager-subscription",
        "renovationfind",
        "A subscription without an end date keeps the one it had.",
        "The page does not say what leaving it out does.",
    ),
)
