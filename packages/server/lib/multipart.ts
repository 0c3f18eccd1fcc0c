import { badRequest, tooLarge } from './status.js'

/** A file of a form. */
export interface FormFile {
  /** As the client calls it, else the name of its field. */
  readonly name: string
  readonly bytes: Buffer
}

const LONGEST_HEAD = 8192
// RFC 2046, section 5.1.1.
const BOUNDARY = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i
const CRLF = '\r\n'

/**
 * Takes the files out of a form (multipart/form-data, RFC 7578) that is in memory: the bytes of each are where they lie in the
 * body. Fields without a file are left out.
 *
 * @throws {TorchError} `TORCH_REQUEST` if it is no such form, `TORCH_TOO_LARGE` if it has more than `maxFiles` parts.
 */
export function filesOfForm(body: Buffer, contentType: string, maxFiles: number): readonly FormFile[] {
  const match = BOUNDARY.exec(contentType)
  const boundary = match?.[1] ?? match?.[2]
  if (boundary === undefined) throw badRequest('Expected a boundary in the Content-Type of the form')
  const files: FormFile[] = []
  let parts = 0
  let at = startOfForm(body, boundary)
  while (body.toString('latin1', at, at + 2) !== '--') {
    if (++parts > maxFiles) throw tooLarge(`The form has more than the ${maxFiles} parts that may be (maxSamples)`)
    // Spaces may stand behind a boundary.
    const headAt = body.indexOf(CRLF, at)
    const dataAt = body.indexOf(CRLF + CRLF, headAt)
    if (headAt < 0 || dataAt < 0 || dataAt - headAt > LONGEST_HEAD) throw damaged('a part has no head')
    const end = body.indexOf(`${CRLF}--${boundary}`, dataAt + 2, 'latin1')
    if (end < 0) throw damaged('it ends within a part')
    const name = fileName(body.toString('utf8', headAt, dataAt))
    if (name !== null) files.push({ name, bytes: body.subarray(Math.min(dataAt + 4, end), end) })
    at = end + 4 + boundary.length
  }
  return files
}

function startOfForm(body: Buffer, boundary: string): number {
  const first = `--${boundary}`
  if (body.toString('latin1', 0, first.length) === first) return first.length
  const start = body.indexOf(CRLF + first, 0, 'latin1')
  if (start < 0) throw damaged('its boundary does not occur')
  return start + CRLF.length + first.length
}

/** Null for a field that is no file. */
function fileName(head: string): string | null {
  const disposition = /\r\ncontent-disposition:\s*form-data\s*;([^\r\n]*)/i.exec(head)?.[1]
  if (disposition === undefined) throw damaged('a part is not of form-data')
  const parameter = (name: string): string | undefined =>
    new RegExp(`(?:^|;)\\s*${name}="([^"]*)"`, 'i').exec(disposition)?.[1]
  const file = parameter('filename')
  const isImage = /\r\ncontent-type:\s*image\//i.test(head)
  if (file === undefined && !isImage) return null
  return file ?? parameter('name') ?? ''
}

function damaged(reason: string): Error {
  return badRequest(`The body is not a valid form: ${reason}`)
}
