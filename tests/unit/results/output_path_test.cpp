#include "results/output_path.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "orbitmill/error.hpp"
#include "orbitmill/results/result_file.hpp"

namespace orbitmill {
namespace {

namespace fs = std::filesystem;

class OutputPath : public testing::Test {
 protected:
  OutputPath() {
    std::string pattern = (fs::temp_directory_path() / "orbitmill-path-XXXXXX").string();
    folder = mkdtemp(pattern.data());
  }
  ~OutputPath() override { fs::remove_all(folder); }

  void write(const fs::path& path, const std::string& content) { std::ofstream(path) << content; }
  std::string read(const fs::path& path) {
    std::string content;
    std::getline(std::ifstream(path), content);
    return content;
  }
  std::ptrdiff_t files() {
    return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
  }
  /// The message of the CannotCreateError that a check throws; anything else is a failure.
  std::string refusal(const fs::path& path, bool overwrite) {
    const std::ptrdiff_t before = files();
    try {
      check_output_path(path, overwrite);
      ADD_FAILURE() << path << " accepted";
    } catch (const CannotCreateError& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::cannot_create);
      EXPECT_EQ(files(), before);
      return error.what();
    }
    return {};
  }

  fs::path folder;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(OutputPath, AcceptsANewNameAndLeavesNothing) {
  check_output_path(folder / "a.h5", false);
  check_output_path(folder / "a.h5", true);
  EXPECT_EQ(files(), 0);
}

TEST_F(OutputPath, AcceptsAnExistingFileOnlyToOverwrite) {
  const fs::path path = folder / "a.h5";
  write(path, "old");
  EXPECT_TRUE(contains(refusal(path, false), "--overwrite"));
  check_output_path(path, true);
  EXPECT_EQ(read(path), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputPath, NamesTheMissingFolderAndTheCommandThatMakesIt) {
  const fs::path missing = folder / "x";
  EXPECT_EQ(refusal(missing / "y.h5", false), "cannot create \"" + (missing / "y.h5").string() +
                                                  "\": the folder \"" + missing.string() +
                                                  "\" does not exist; create it (mkdir -p " +
                                                  missing.string() + ") or choose another with -o");
}

TEST_F(OutputPath, RefusesFoldersDevicesLinksToNowhereAndEmptyNames) {
  EXPECT_TRUE(contains(refusal(folder, true), "it is a folder"));
  EXPECT_TRUE(contains(refusal(folder / "", true), "it is a folder"));
  write(folder / "file", "");
  EXPECT_TRUE(contains(refusal(folder / "file" / "a.h5", false), "folder"));
  EXPECT_TRUE(contains(refusal("/dev/null", true), "not an ordinary file"));
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_TRUE(contains(refusal(folder / "pipe", true), "not an ordinary file"));
  fs::create_symlink(folder / "nowhere", folder / "link");
  EXPECT_TRUE(contains(refusal(folder / "link", false), "exists"));
  EXPECT_TRUE(contains(refusal("", false), "empty"));
  EXPECT_TRUE(contains(refusal(folder / std::string(250, 'a'), false), "too long"));
}

/// /proc refuses new files even to root, whom permission bits do not stop.
TEST_F(OutputPath, RefusesAFolderThatCannotBeWritten) {
  EXPECT_TRUE(contains(refusal("/proc/self/a.h5", false), "cannot create \"/proc/self/a.h5\""));
}

TEST_F(OutputPath, PublishMovesAndReplacesOnlyWhenAsked) {
  const fs::path path = folder / "a.h5", temporary = temporary_name(path);
  const std::string text = "new";
  create_temporary(temporary, path, std::as_bytes(std::span(text)));
  EXPECT_EQ(read(temporary), "new");
  EXPECT_THROW(create_temporary(temporary, path, {}), CannotCreateError) << "exists already";
  write(path, "old");
  EXPECT_THROW(publish(temporary, path, false), CannotCreateError);
  EXPECT_EQ(read(path), "old");
  publish(temporary, path, true);
  EXPECT_EQ(read(path), "new");
  EXPECT_EQ(files(), 1);

  fs::remove(path);
  create_temporary(temporary, path, std::as_bytes(std::span(text)));
  publish(temporary, path, false);
  EXPECT_EQ(read(path), "new");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputPath, TemporaryNamesAreBesideTheTargetAndDiffer) {
  std::set<fs::path> names;
  for (int i = 0; i < 20; ++i) names.insert(temporary_name(folder / "a.h5"));
  EXPECT_EQ(names.size(), 20u);
  for (const fs::path& name : names) {
    EXPECT_EQ(name.parent_path(), folder);
    EXPECT_TRUE(name.filename().string().starts_with("a.h5.partial-"));
  }
}

}  // namespace
}  // namespace orbitmill
