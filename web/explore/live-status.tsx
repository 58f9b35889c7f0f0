import { Button } from '../parts/button.tsx'
import type { LiveState } from './live-tail.ts'

export interface LiveStatusProps {
  live: LiveState | undefined
  onPause: () => void
  onResume: () => void
}

/** How the tail is doing, and the way to stop and start it. */
export function LiveStatus({ live, onPause, onResume }: LiveStatusProps) {
  const isPaused = live?.isPaused ?? false
  return (
    <>
      <Button
        isSmall
        icon={isPaused ? 'play' : 'pause'}
        label={isPaused ? 'Go on (G)' : 'Pause'}
        onClick={isPaused ? onResume : onPause}
      >
        {isPaused ? 'Go on' : 'Pause'}
      </Button>
      <span class={`live-dot ${isPaused ? 'paused' : (live?.connection ?? 'opening')}`} aria-hidden="true" />
      <span role="status">{says(live)}</span>
      {live && live.connection === 'open' && <small class="live-rate">{live.rate.toLocaleString('en')} events/s</small>}
    </>
  )
}

function says(live: LiveState | undefined): string {
  if (!live || live.connection === 'opening') return 'Connecting …'
  if (live.connection === 'lost') return live.problem ? 'Stopped' : 'Connection lost, coming back …'
  return live.isPaused ? 'Paused' : 'Live'
}

/** Over the end of a list that was scrolled up: what came since, and the way back. */
export function WaitingButton({ waiting, onResume }: { waiting: number; onResume: () => void }) {
  return (
    <div class="waiting">
      <Button kind="primary" icon="down" label="To the newest (G)" onClick={onResume}>
        {waiting === 0 ? 'To the newest' : `${waiting.toLocaleString('en')} new`}
      </Button>
    </div>
  )
}
