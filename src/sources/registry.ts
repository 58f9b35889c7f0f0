import { agentSource } from './agent/agent.ts'
import { eventlogSource } from './eventlog/eventlog.ts'
import { fileSource } from './file/file.ts'
import { forwardSource } from './forward/forward.ts'
import { httpSource } from './http/http.ts'
import { livestreamSource } from './livestream/livestream.ts'
import { logdSource } from './logd/logd.ts'
import { syslogSource } from './syslog/syslog.ts'
import type { SourceDefinition } from './source.ts'

/** Every source there is: one line each. Folder, documentation page and contract test follow from this list. */
export const SOURCES: readonly SourceDefinition[] = [
  httpSource,
  eventlogSource,
  logdSource,
  forwardSource,
  syslogSource,
  livestreamSource,
  agentSource,
  fileSource,
]
