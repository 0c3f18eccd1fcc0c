#ifdef _WIN32

#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <algorithm>
#include <memory>
#include <system_error>

#include "file.h"
#include "file_error.h"

namespace napi_torch {
namespace {

constexpr int64_t kMaxReadBytes = 1 << 30;  // Of one call, which takes a 32-bit length.

FileError SystemError(const std::string& what, const std::string& path) {
  const auto code = static_cast<int>(GetLastError());
  return FileError(what + " " + path + ": " + std::system_category().message(code));
}

FileError EndsBefore(const std::string& path, int64_t byte) {
  return FileError("Cannot read " + path + ": it ends before byte " + std::to_string(byte));
}

HANDLE HandleOf(intptr_t handle) { return reinterpret_cast<HANDLE>(handle); }

std::wstring WideOf(const std::string& path) {
  const int length = MultiByteToWideChar(CP_UTF8, 0, path.data(), static_cast<int>(path.size()), nullptr, 0);
  std::wstring wide(static_cast<size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.data(), static_cast<int>(path.size()), wide.data(), length);
  return wide;
}

DWORD LowOf(int64_t value) { return static_cast<DWORD>(value & 0xffffffff); }
DWORD HighOf(int64_t value) { return static_cast<DWORD>(value >> 32); }

int64_t MappingGranularity() {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return info.dwAllocationGranularity;  // Mappings begin at its multiples.
}

struct CloseHandleOf {
  using pointer = HANDLE;
  void operator()(HANDLE handle) const { CloseHandle(handle); }
};

}  // namespace

// As on other systems, the open file may be renamed and deleted.
File::File(const std::string& path)
    : path_(path),
      handle_(reinterpret_cast<intptr_t>(CreateFileW(WideOf(path).c_str(), GENERIC_READ,
                                                     FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                                     OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr))) {
  if (HandleOf(handle_) == INVALID_HANDLE_VALUE) throw SystemError("Cannot open", path_);
}

File::~File() { CloseHandle(HandleOf(handle_)); }

void File::CheckHolds(int64_t offset, int64_t length) const {
  if (GetFileType(HandleOf(handle_)) != FILE_TYPE_DISK) {
    throw FileError("Cannot read " + path_ + ": it is not a regular file");
  }
  LARGE_INTEGER size;
  if (GetFileSizeEx(HandleOf(handle_), &size) == 0) throw SystemError("Cannot read", path_);
  if (size.QuadPart < offset || size.QuadPart - offset < length) throw EndsBefore(path_, offset + length);
}

void File::Read(int64_t offset, int64_t length, uint8_t* into) const {
  for (int64_t done = 0; done < length;) {
    OVERLAPPED position = {};
    position.Offset = LowOf(offset + done);
    position.OffsetHigh = HighOf(offset + done);
    DWORD count = 0;
    const auto wanted = static_cast<DWORD>(std::min(length - done, kMaxReadBytes));
    if (ReadFile(HandleOf(handle_), into + done, wanted, &count, &position) == 0 &&
        GetLastError() != ERROR_HANDLE_EOF) {
      throw SystemError("Cannot read", path_);
    }
    if (count == 0) throw EndsBefore(path_, offset + length);  // The file has been truncated since it was checked.
    done += count;
  }
}

Mapping::Mapping(const File& file, int64_t begin, int64_t end)
    : begin_(begin - begin % MappingGranularity()), length_(static_cast<size_t>(end - begin_)) {
  // The view keeps the section alive.
  const std::unique_ptr<HANDLE, CloseHandleOf> section(
      CreateFileMappingW(HandleOf(file.handle_), nullptr, PAGE_WRITECOPY, HighOf(end), LowOf(end), nullptr));
  if (section == nullptr) throw SystemError("Cannot map", file.path_);
  start_ = static_cast<uint8_t*>(MapViewOfFile(section.get(), FILE_MAP_COPY, HighOf(begin_), LowOf(begin_), length_));
  if (start_ == nullptr) throw SystemError("Cannot map", file.path_);
}

Mapping::~Mapping() { UnmapViewOfFile(start_); }

}  // namespace napi_torch

#endif  // _WIN32
