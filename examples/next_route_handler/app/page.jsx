'use client'

import { useState } from 'react'

export default function Page() {
  const [answer, setAnswer] = useState(null)

  async function classify(event) {
    event.preventDefault()
    const response = await fetch('/api/classify', { method: 'POST', body: new FormData(event.currentTarget) })
    setAnswer(await response.json())
  }

  return (
    <main>
      <form onSubmit={classify}>
        <input type="file" name="image" accept="image/*" required /> <button>Classify</button>
      </form>
      {answer?.error && <p role="alert">{answer.error}</p>}
      {Array.isArray(answer) && (
        <ol>
          {answer.map(({ label, probability }) => (
            <li key={label}>
              {label}: {(100 * probability).toFixed(1)} %
            </li>
          ))}
        </ol>
      )}
    </main>
  )
}
