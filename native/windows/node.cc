// Linked into each addon on Windows. An addon imports the functions of Node-API from node.exe, but the running program
// may have another name: this hook looks them up in the program itself, when the first one is called.
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

// After windows.h, which it needs.
#include <delayimp.h>
#include <string.h>

static FARPROC WINAPI NodeHook(unsigned int event, PDelayLoadInfo info) {
  if (event != dliNotePreLoadLibrary || _stricmp(info->szDll, "node.exe") != 0) return nullptr;
  // The name of Node.js where it is embedded as a library.
  HMODULE node = GetModuleHandleW(L"libnode.dll");
  if (node == nullptr) node = GetModuleHandleW(nullptr);
  return reinterpret_cast<FARPROC>(node);
}

// The linker requires this name.
extern "C" {
decltype(__pfnDliNotifyHook2) __pfnDliNotifyHook2 = NodeHook;
}
