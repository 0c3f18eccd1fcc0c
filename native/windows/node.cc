// Part of each addon on Windows. An addon names node.exe as the library that has the functions of Node-API, but the
// program that runs may be called otherwise: this has them looked up in whichever it is, when the first one is called.
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

// After windows.h, which it needs.
#include <delayimp.h>
#include <string.h>

static FARPROC WINAPI NodeHook(unsigned int event, PDelayLoadInfo info) {
  if (event != dliNotePreLoadLibrary || _stricmp(info->szDll, "node.exe") != 0) return nullptr;
  // Where Node.js is a library of another program, that is its name.
  HMODULE node = GetModuleHandleW(L"libnode.dll");
  if (node == nullptr) node = GetModuleHandleW(nullptr);
  return reinterpret_cast<FARPROC>(node);
}

// The name is the linker's.
extern "C" {
decltype(__pfnDliNotifyHook2) __pfnDliNotifyHook2 = NodeHook;
}
