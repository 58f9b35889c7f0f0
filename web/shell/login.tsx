import { useState } from 'preact/hooks'
import { asProblem, type ApiProblem } from '../api/client.ts'
import { usePage } from './page.ts'

/** Where there are keys: all that a stranger sees. */
export function Login() {
  const { session } = usePage()
  const [key, setKey] = useState('')
  const [problem, setProblem] = useState<string>()
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    setProblem(undefined)
    try {
      await session.logIn(key)
    } catch (error) {
      setProblem(loginProblem(asProblem(error)))
      setBusy(false)
    }
  }
  return (
    <main class="login">
      <h1>Tailrace</h1>
      {session.isEnded.value ? (
        <p role="status">
          You are no longer logged in: the session has expired, or its key has been revoked. Log in again to go on where
          you were.
        </p>
      ) : (
        <p>This server asks for a key.</p>
      )}
      <form onSubmit={(event) => void submit(event)}>
        <label class="labelled">
          Key
          <input
            class="field"
            type="password"
            name="key"
            autocomplete="current-password"
            required
            autofocus
            value={key}
            aria-invalid={problem !== undefined}
            aria-describedby="login-problem"
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <p id="login-problem" class="problem" role="alert">
          {problem}
        </p>
        <button class="button primary" disabled={isBusy}>
          Log in
        </button>
      </form>
      <p>
        Whoever runs the server makes one with <code>tailrace keys create --role read</code>
      </p>
    </main>
  )
}

function loginProblem({ code, message }: ApiProblem): string {
  return code === 'KEY_REFUSED' ? 'This key is not valid: mistyped, revoked, or expired.' : message
}
