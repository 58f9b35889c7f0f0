import { useEffect, useRef, useState } from 'preact/hooks'
import { formatCount, formatSize } from '../../src/core/units.ts'
import { asProblem, isAbort } from '../api/client.ts'
import { Button } from '../parts/button.tsx'
import { usePage } from '../shell/page.ts'
import { saveBlob } from './save.ts'
import { countLines, readExport, type ExportFormat, type ExportQuestion, type Progress } from './stream.ts'

/** How often the bar moves: no more often than somebody sees. */
const SHOW_MS = 100

interface Running extends Progress {
  total: number | undefined
}

/** Everything that a query finds, as a file. */
export function ExportButtons({ query, start, end }: Omit<ExportQuestion, 'format'>) {
  const { client, toasts } = usePage()
  const [running, setRunning] = useState<Running>()
  const leaving = useRef<AbortController | undefined>(undefined)
  useEffect(() => () => leaving.current?.abort(), [])
  const run = async (format: ExportFormat): Promise<void> => {
    const controller = new AbortController()
    leaving.current = controller
    const { signal } = controller
    setRunning({ lines: 0, bytes: 0, total: undefined })
    try {
      const total = await countLines(client, { query, start, end }, signal)
      setRunning({ lines: 0, bytes: 0, total })
      let shownMs = 0
      const onProgress = (progress: Progress): void => {
        if (performance.now() - shownMs < SHOW_MS) return
        shownMs = performance.now()
        setRunning({ ...progress, total })
      }
      saveBlob(await readExport(client, { query, start, end, format }, { signal, onProgress }), format)
      toasts.say('The file is in your downloads.')
    } catch (error) {
      if (!isAbort(error)) toasts.complain(`The export failed: ${asProblem(error).message}`)
    }
    setRunning(undefined)
  }
  if (running) return <ExportProgress running={running} onCancel={() => leaving.current?.abort()} />
  return (
    <>
      <Button icon="down" label="Download as CSV" onClick={() => void run('csv')}>
        CSV
      </Button>
      <Button icon="down" label="Download as NDJSON" onClick={() => void run('ndjson')}>
        NDJSON
      </Button>
    </>
  )
}

function ExportProgress({ running: { lines, bytes, total }, onCancel }: { running: Running; onCancel: () => void }) {
  const text = `${formatCount(lines)}${total === undefined ? '' : ` of ${formatCount(total)}`} lines, ${formatSize(bytes)}`
  return (
    <div class="progress" role="status">
      <progress
        aria-label="Export"
        {...(total !== undefined && total > 0 && { value: Math.min(lines, total), max: total })}
      />
      <span>{text}</span>
      <Button isSmall onClick={onCancel}>
        Cancel
      </Button>
    </div>
  )
}
