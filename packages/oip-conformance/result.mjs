/** Runs a case, and tells whether it passed, and why not. */
export async function resultOf(run) {
  try {
    await run()
    return { result: 'pass', detail: '' }
  } catch (error) {
    const text = error instanceof Error ? (error.cause?.message ?? error.message) : String(error)
    return { result: 'fail', detail: text.split('\n', 1)[0] }
  }
}
