#ifndef _WIN32

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "file.h"
#include "file_error.h"

namespace napi_torch {
namespace {

FileError SystemError(const std::string& what, const std::string& path) {
  return FileError(what + " " + path + ": " + std::strerror(errno));
}

FileError EndsBefore(const std::string& path, int64_t byte) {
  return FileError("Cannot read " + path + ": it ends before byte " + std::to_string(byte));
}

}  // namespace

File::File(const std::string& path) : path_(path), handle_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (handle_ < 0) throw SystemError("Cannot open", path_);
}

File::~File() { close(static_cast<int>(handle_)); }

void File::CheckHolds(int64_t offset, int64_t length) const {
  struct stat status = {};
  if (fstat(static_cast<int>(handle_), &status) != 0) throw SystemError("Cannot read", path_);
  if (!S_ISREG(status.st_mode)) throw FileError("Cannot read " + path_ + ": it is not a regular file");
  if (status.st_size < offset || status.st_size - offset < length) throw EndsBefore(path_, offset + length);
}

void File::Read(int64_t offset, int64_t length, uint8_t* into) const {
  for (int64_t done = 0; done < length;) {
    const ssize_t count =
        pread(static_cast<int>(handle_), into + done, static_cast<size_t>(length - done), offset + done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw SystemError("Cannot read", path_);
    if (count == 0) throw EndsBefore(path_, offset + length);  // The file has been truncated since it was checked.
    done += count;
  }
}

Mapping::Mapping(const File& file, int64_t begin, int64_t end)
    : begin_(begin - begin % sysconf(_SC_PAGESIZE)), length_(static_cast<size_t>(end - begin_)) {
  void* const start = mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE, static_cast<int>(file.handle_),
                           static_cast<off_t>(begin_));
  if (start == MAP_FAILED) throw SystemError("Cannot map", file.path_);
  start_ = static_cast<uint8_t*>(start);
}

Mapping::~Mapping() { munmap(start_, length_); }

}  // namespace napi_torch

#endif  // _WIN32
