// A second, tiny addon that does not link libtorch. It opens libtorch by absolute path before the main addon is opened,
// which names libtorch without a search path. So the folder of libtorch is selected at run time, not at build time.
//
// open(path: string): string | null
//   Opens a library for the whole process. Returns the system's error text, or null.
// openAside(path: string): Promise<string | null>
//   Does that on another thread.
// loaded(name: string): string | null
//   Returns the path of an open library by its file name, or null if the process has not opened it.
// builtFor: string
//   The version of libtorch that the main addon was compiled against, from its headers.
//
// It uses the C functions of Node-API, as node-addon-api is not needed here and may throw.

#ifdef _WIN32
#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <system_error>
#else
#include <dlfcn.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#else
#include <link.h>
#endif
#endif
#include <node_api.h>
#include <torch/headeronly/version.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace {

constexpr char kWrongArgument[] = "Expected one string";

napi_value String(napi_env env, const char* text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

napi_value Null(napi_env env) {
  napi_value value = nullptr;
  napi_get_null(env, &value);
  return value;
}

// The only argument as UTF-8; or nothing, with a pending TypeError.
std::optional<std::string> OnlyString(napi_env env, napi_callback_info info) {
  napi_value argument = nullptr;
  size_t count = 1;
  size_t length = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok || count != 1 ||
      napi_get_value_string_utf8(env, argument, nullptr, 0, &length) != napi_ok) {
    napi_throw_type_error(env, nullptr, kWrongArgument);
    return std::nullopt;
  }
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, argument, text.data(), length + 1, &length);
  return text;
}

#ifdef _WIN32

std::wstring WideOf(const std::string& text) {
  const int length = MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), nullptr, 0);
  std::wstring wide(static_cast<size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), wide.data(), length);
  return wide;
}

std::optional<std::string> OpenLibrary(const std::string& path) {
  // Searches the folder of the library for those that it needs, as libtorch's lie side by side. Never closed: libtorch
  // does not survive being unloaded, and other environments of the process may use it. The addon finds it by its name.
  constexpr DWORD kSearch = LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS;
  if (LoadLibraryExW(WideOf(path).c_str(), nullptr, kSearch) != nullptr) return std::nullopt;
  const auto code = static_cast<int>(GetLastError());
  return std::system_category().message(code) + " (" + std::to_string(code) + ")";
}

napi_value Loaded(napi_env env, napi_callback_info info) {
  constexpr DWORD kMaxPath = 32768;  // The limit of Windows.
  const std::optional<std::string> name = OnlyString(env, info);
  if (!name) return nullptr;

  const HMODULE module = GetModuleHandleW(WideOf(*name).c_str());
  if (module == nullptr) return Null(env);
  std::wstring path(kMaxPath, L'\0');
  const DWORD length = GetModuleFileNameW(module, path.data(), kMaxPath);
  napi_value value = nullptr;
  napi_create_string_utf16(env, reinterpret_cast<const char16_t*>(path.data()), length, &value);
  return value;
}

#else

// Gives the system's error text, which is that of this thread.
std::optional<std::string> OpenLibrary(const std::string& path) {
  // Global, so that it provides the undefined symbols of the addon. Never closed: libtorch does not survive being
  // unloaded, and other environments of the process may use it.
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr) return std::nullopt;
  const char* const text = dlerror();
  return text == nullptr ? "unknown error of dlopen" : text;
}

napi_value Loaded(napi_env env, napi_callback_info info) {
  const std::optional<std::string> name = OnlyString(env, info);
  if (!name) return nullptr;

#ifdef __APPLE__
  const std::string ending = "/" + *name;
  for (uint32_t index = 0; index < _dyld_image_count(); ++index) {
    const char* const image = _dyld_get_image_name(index);
    if (image == nullptr) continue;  // Another thread has unloaded it since it was counted.
    const std::string path = image;
    if (path.size() > ending.size() && path.compare(path.size() - ending.size(), ending.size(), ending) == 0) {
      return String(env, path.c_str());
    }
  }
  return Null(env);
#else
  void* const handle = dlopen(name->c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) return Null(env);
  link_map* map = nullptr;
  const bool found = dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0;
  const napi_value path = found ? String(env, map->l_name) : Null(env);
  dlclose(handle);  // Releases the reference that dlopen took; the library stays open.
  return path;
#endif
}

#endif  // _WIN32

napi_value ValueOf(napi_env env, const std::optional<std::string>& failure) {
  return failure ? String(env, failure->c_str()) : Null(env);
}

napi_value Open(napi_env env, napi_callback_info info) {
  const std::optional<std::string> path = OnlyString(env, info);
  return path ? ValueOf(env, OpenLibrary(*path)) : nullptr;
}

// A library that is being opened on a thread of Node's pool.
struct Opening {
  std::string path;
  std::optional<std::string> failure;
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
};

void Execute(napi_env /*env*/, void* data) {
  auto* const opening = static_cast<Opening*>(data);
  opening->failure = OpenLibrary(opening->path);
}

void Complete(napi_env env, napi_status /*status*/, void* data) {
  const std::unique_ptr<Opening> opening(static_cast<Opening*>(data));
  napi_resolve_deferred(env, opening->deferred, ValueOf(env, opening->failure));
  napi_delete_async_work(env, opening->work);
}

napi_value OpenAside(napi_env env, napi_callback_info info) {
  std::optional<std::string> path = OnlyString(env, info);
  if (!path) return nullptr;

  auto opening = std::make_unique<Opening>();
  opening->path = *std::move(path);
  napi_value promise = nullptr;
  napi_create_promise(env, &opening->deferred, &promise);
  napi_create_async_work(env, nullptr, String(env, "napi_torch_open"), Execute, Complete, opening.get(),
                         &opening->work);
  napi_queue_async_work(env, opening->work);
  opening.release();  // Complete deletes it.
  return promise;
}

void Set(napi_env env, napi_value exports, const char* name, napi_value value) {
  napi_set_named_property(env, exports, name, value);
}

napi_value Function(napi_env env, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  return function;
}

}  // namespace

NAPI_MODULE_INIT() {
  Set(env, exports, "open", Function(env, "open", Open));
  Set(env, exports, "openAside", Function(env, "openAside", OpenAside));
  Set(env, exports, "loaded", Function(env, "loaded", Loaded));
  Set(env, exports, "builtFor", String(env, TORCH_VERSION));
  return exports;
}
