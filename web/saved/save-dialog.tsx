import { useState } from 'preact/hooks'
import { asProblem } from '../api/client.ts'
import { Button } from '../parts/button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { usePage } from '../shell/page.ts'

/** Asks for a name, and saves what is shown under it. */
export function SaveDialog({ onClose }: { onClose: () => void }) {
  const { searches, router, toasts } = usePage()
  const { params } = router.place.value
  const [name, setName] = useState('')
  const [problem, setProblem] = useState<string>()
  const isReplaced = searches.all.value.some((search) => search.name === name.trim() && search.isOwn)
  const save = async (): Promise<void> => {
    try {
      await searches.save(name.trim(), router.place.peek())
      toasts.say(`Saved as “${name.trim()}”.`)
      onClose()
    } catch (error) {
      setProblem(asProblem(error).message)
    }
  }
  return (
    <Dialog title="Save this search" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void save()
        }}
      >
        <p>
          <code>{params.get('q') ?? 'every event'}</code>
        </p>
        <label class="labelled">
          Name
          <input
            class="field"
            required
            maxLength={100}
            autofocus
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <p class="problem" role="alert">
          {problem}
        </p>
        <div class="row">
          <button class="button primary" disabled={name.trim() === ''}>
            {isReplaced ? 'Replace' : 'Save'}
          </button>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </form>
    </Dialog>
  )
}
