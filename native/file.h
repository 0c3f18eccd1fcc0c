// Reads and maps files, for checkpoints: file_posix.cc and file_windows.cc. Every function throws a FileError that
// names the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace napi_torch {

// An open regular file, closed by the destructor.
class File {
 public:
  // Does not block, not even on a pipe without a writer. The path is UTF-8, without a zero byte.
  explicit File(const std::string& path);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Throws unless the file has `length` bytes at `offset`.
  void CheckHolds(int64_t offset, int64_t length) const;
  void Read(int64_t offset, int64_t length, uint8_t* into) const;

 private:
  friend class Mapping;

  std::string path_;
  // A descriptor, or a HANDLE of Windows.
  intptr_t handle_;
};

// A range of a file in memory, copy-on-write.
class Mapping {
 public:
  Mapping(const File& file, int64_t begin, int64_t end);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  // The byte at `offset` of the file.
  uint8_t* At(int64_t offset) const { return start_ + (offset - begin_); }

 private:
  int64_t begin_;
  size_t length_;
  uint8_t* start_ = nullptr;
};

}  // namespace napi_torch
