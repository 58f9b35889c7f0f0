import { AppError } from '../../core/errors.ts'
import type { StreamFormat } from '../../wire/transcode/event-stream.ts'

const FORMATS: Readonly<Record<string, StreamFormat>> = {
  'application/x-ndjson': 'lines',
  'application/ndjson': 'lines',
  'application/jsonl': 'lines',
  'application/x-jsonlines': 'lines',
  'application/stream+json': 'lines',
  'application/json': 'json',
  'text/plain': 'text',
  // What curl says with -d and --data-binary when it is told nothing: the body itself decides.
  'application/x-www-form-urlencoded': 'detect',
  'application/octet-stream': 'detect',
}

/** Every content type that is accepted. */
export const CONTENT_TYPES: string[] = Object.keys(FORMATS)

/** Content-Type header → how the body is read. Throws CONTENT_TYPE_UNSUPPORTED. */
export function streamFormat(contentType: string | undefined): StreamFormat {
  if (contentType === undefined) return 'detect'
  const name = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase()
  const format = FORMATS[name]
  if (format !== undefined && Object.hasOwn(FORMATS, name)) return format
  throw new AppError('CONTENT_TYPE_UNSUPPORTED', {
    detail: `${name} is not accepted`,
    hint: `one of ${CONTENT_TYPES.slice(0, 7).join(', ')}`,
  })
}
