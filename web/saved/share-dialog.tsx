import { useState } from 'preact/hooks'
import { SHARES_PATH, type Share } from '../api/saved.ts'
import { Button } from '../parts/button.tsx'
import { copyText } from '../parts/copy.ts'
import { Dialog } from '../parts/dialog.tsx'
import { useLoad } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'
import { hrefWith, type Place } from '../shell/router.ts'
import { absoluteRange, DEFAULT_RANGE, resolveRange } from '../time/range.ts'

/** A short link to what is shown. */
export function ShareDialog({ onClose }: { onClose: () => void }) {
  const { router, client, toasts } = usePage()
  const [place] = useState(router.place.value)
  const [frozen] = useState(() => withFixedTimes(place, Date.now()))
  const [isFixed, setFixed] = useState(true)
  const address = isFixed && frozen !== undefined ? frozen : hrefWith(place, {})
  const { value, problem } = useLoad(address, () => client.send<Share>('POST', SHARES_PATH, { address }))
  const link = value && `${location.origin}/s/${value.id}`
  const copy = async (): Promise<void> => {
    await copyText(link ?? '', toasts, 'The link is in the clipboard.')
    onClose()
  }
  return (
    <Dialog title="Share this view" onClose={onClose}>
      <div class="form">
        <p>Whoever has the link, and a key that reads here, sees this view: of the events what the own key reads.</p>
        {frozen !== undefined && (
          <label class="check">
            <input type="checkbox" checked={isFixed} onChange={(event) => setFixed(event.currentTarget.checked)} />
            Keep the times as they are now, whenever the link is opened
          </label>
        )}
        {problem && (
          <p class="problem" role="alert">
            {problem.message}
          </p>
        )}
        <div class="row">
          <label class="labelled grow">
            Link
            <input class="field" readOnly value={link ?? ''} onFocus={(event) => event.currentTarget.select()} />
          </label>
          <Button kind="primary" icon="copy" isDisabled={!link} onClick={() => void copy()}>
            Copy
          </Button>
        </div>
      </div>
    </Dialog>
  )
}

/** The same view with the times that it has now; `undefined` where they are fixed, or there are none. */
export function withFixedTimes(place: Place, nowMs: number): string | undefined {
  const { params, path } = place
  if (path !== '/' && path !== '/view/statistics') return undefined
  const start = params.get('start') ?? DEFAULT_RANGE.start
  const end = params.get('end') ?? undefined
  if (!start.startsWith('-') && (end === undefined || !end.startsWith('-'))) return undefined
  const range = resolveRange({ start, end }, nowMs)
  if (!range) return undefined
  return hrefWith(place, { ...absoluteRange(range) })
}
